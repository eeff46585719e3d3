"""MTCNN as a jitted JAX function of a batch of images, with the weights of the mtcnn package."""
