"""Train the network that tells what is ruled, printed and written on a page, and where places are.

It sees straightened pages that are drawn here, from two sources: forms that `formreader.synth`
draws, and real printed forms that hands write on here (`printed_forms`). Both know their layers
and their places exactly. No command of the program runs this; see `__main__`.
"""
