"""The members of a sweep as tasks, and the tables of what they found."""
