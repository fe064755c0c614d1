"""What runs inside the environments: old syntax, standard library, numpy and the framework."""
