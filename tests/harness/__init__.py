"""What the black-box tests are made of: a server to run, raw clients to speak to it, and the world around it."""
