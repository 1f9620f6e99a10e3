"""Training of the network that finds digit boxes, on rendered pages.

    python -m formreader.training.box_network --out models/boxes

Pages are rendered and straightened (`pages`), pieces of them cut and degraded at random
(`pieces`, `degrade`) with what the network shall answer (`targets`); `train` fits the network
(`network`, `loss`) and writes its folder (`export`, `measure`).
"""
