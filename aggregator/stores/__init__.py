"""Where state lives that outlives a request: counters, buckets, values, locks and messages behind one contract."""
