"""What the trainings of the box, line and page networks share.

Options (`network_options`), fitting with checkpoints (`fitting`), the writing of a model folder
(`network_writing`), the export of networks that make maps (`map_graph`), and damage to pieces of
pages (`piece_damage`).
"""
