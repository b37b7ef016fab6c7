"""What runs inside a container: the standard library only."""
