"""The store that several machines share: Redis or Valkey, alone, behind sentinels, or as a cluster."""
