"""httpx on both sides of the engine: as its public door, and as another way to an upstream."""
