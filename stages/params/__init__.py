"""From `params.yaml` to one complete recipe per variant: what may stand there, and what the overrides make of it."""
