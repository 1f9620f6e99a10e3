"""Training of the network that finds digit boxes, on rendered pages.

    PYTHONPATH=references python -m box_network --out models/boxes

Pages are rendered and straightened (`box_pages`). Random pieces are cut from them
(`page_pieces`) and degraded (`shared.piece_damage`), and their targets drawn (`box_targets`).
`box_training` fits the network (`box_architecture`, `box_loss`), measures it (`box_measures`) and
writes the model folder, with what `shared` has for all networks.
"""
