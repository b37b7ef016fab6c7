"""Runs strangers' code in a Docker sandbox: intake of archives, limits, images, and the runner that works inside."""
