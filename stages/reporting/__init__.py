"""What people look at: figures and the tables of the README, as functions of the tables under `reports/`."""
