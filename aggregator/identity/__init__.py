"""Who calls: credentials judged by the settings of a scheme. Values in, a caller or a refusal out; no I/O."""
