"""The mirror-error budget: what each device adds to the errors of thresholds and outputs."""
