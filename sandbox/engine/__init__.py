"""The Docker side of the sandbox: everything that talks to the engine."""
