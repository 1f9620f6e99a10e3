"""The network that tells which way up print is: pieces of print, architecture, fitting, export."""
