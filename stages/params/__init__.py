"""From `params.yaml` to one complete recipe per variant: structure, bases, overrides, checks, differences."""
