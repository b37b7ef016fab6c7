"""What runs inside a container: the standard library only, but for `convert`, which needs PyTorch."""
