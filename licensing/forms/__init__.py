"""What people fill in on the dashboard, by noun: the shape of their input and no rule beyond it."""
