"""Training of the network that reads whole numbers, on composed cells.

    python -m number_network --writers writers.npz --out models/numbers

Cells are composed (`cell_composing`) of what a hand writes (`number_hands`, `number_writing`,
`number_texts`) on paper with printed lines (`cell_paper`), as a scan shows it (`cell_scans`), and
cut into strips as those of pages are (`strip_pool`). `number_training` fits the network
(`number_architecture`, `number_fitting`), exports it (`number_graph`), measures it
(`number_measures`), fits its confidence (`confidence_fitting`) and writes the folder.
"""
