"""What somebody might run in place of this server, each on one port, photo in, JSON out."""
