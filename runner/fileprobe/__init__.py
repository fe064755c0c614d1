"""The probe of a user's file: runs inside an environment and a sandbox, beside `runner.probe`."""
