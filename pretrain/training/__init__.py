"""How an encoder is trained: loop, step, batches, encoders, state, devices."""
