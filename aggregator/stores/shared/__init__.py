"""What processes count together, and what each does alone while the store is away."""
