"""Training of the network that finds digit boxes, on rendered pages.

    PYTHONPATH=references python -m box_network --out models/boxes

Pages are rendered and straightened (`box_pages`). Random pieces are cut from them
(`page_pieces`) and degraded (`piece_damage`), and their targets drawn (`box_targets`).
`box_training` fits the network (`box_architecture`, `box_loss`, `box_fitting`), exports it
(`box_graph`), measures it (`box_measures`) and writes the model folder.
"""
