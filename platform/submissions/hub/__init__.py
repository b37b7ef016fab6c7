"""Models handed in from a hub: fetched by a worker, frozen by commit and digest, never at run time."""
