"""The service: REST and a web page over the same reading code as the command line."""
