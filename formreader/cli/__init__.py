"""The commands, one a module. Rooms are imported inside them, so that help comes at once."""
