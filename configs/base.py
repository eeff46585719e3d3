"""Base configuration: every option with its default. A variant changes only its own options.

Groups with a `name` (`model`, `loss`, `miner`) hold the options of the named thing and nothing else.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """Return the configuration of ResNet-50 with ArcFace on LFW's View 1."""
    config = ConfigDict()
    # Seed of initialisation, sampling, augmentation and splits.
    config.seed = 0
    config.data = _data()
    config.align = _align()
    config.sampler = _sampler()
    config.augmentation = _augmentation()
    config.model = ConfigDict(dict(name="resnet50", embedding_dim=128, dropout=0.0, dtype="float32"))
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    config.miner = ConfigDict(dict(name="none"))
    # Number of embeddings of earlier batches that a pair loss also compares with; 0 disables the memory.
    config.memory = ConfigDict(dict(size=0))
    config.optimizer = _optimizer()
    config.training = _training()
    config.evaluation = _evaluation()
    return config


def experiment() -> ConfigDict:
    """Return the shared base of the report's five experiments.

    Training takes 100 epochs at one learning rate, then 20 epochs of cosine decay.
    """
    config = get_config()
    config.training.epochs = 120.0
    config.optimizer.constant_epochs = 100.0
    return config


def one_cycle(*, warmup_epochs: float) -> ConfigDict:
    """Return the AdamW settings of one cycle: linear warm-up, then cosine decay over all other epochs.

    Args:
      warmup_epochs: Length of the warm-up; about a third of `config.training.epochs`.

    Returns:
      The group `config.optimizer`.
    """
    optimizer = _optimizer()
    optimizer.update(name="adamw", learning_rate=2e-3, weight_decay=0.05, warmup_epochs=warmup_epochs)
    return optimizer


def _data() -> ConfigDict:
    data = ConfigDict()
    # Source of the images: lfw (downloaded on first use), folder, synthetic, array, csv, rec, bin or tfds.
    data.source = "lfw"
    # Folder or file of the source. For lfw and tfds: the folder in which tensorflow-datasets stores its files.
    data.dir = ""
    # tfds: name:version/split, such as "lfw:0.1.1/train".
    data.tfds = ""
    # Folder of the pair lists. Empty: the data folder, or a download if they are not there.
    data.lists_dir = ""
    # Evaluation protocol: view1 or view2 (LFW's lists), pairs (an external list) or generated (pairs sampled here).
    data.protocol = "view1"
    # view2: index of the test fold, from 1; the other folds train. 0: all folds are the test set, and their identities
    # are excluded from training.
    data.fold = 0
    # pairs: a .csv of path1,path2,same, a .bin or a list (lfw_jax/data/protocols/evaluation_sets.py).
    data.pairs_file = ""
    # Near duplicates of test images among the training images: ignore, list or remove.
    data.near_duplicates = "ignore"
    # Fraction of the training identities held out to select the best checkpoint.
    data.validation_people = 0.05
    # generated: fraction of all identities held out as the test set.
    data.test_people = 0.3
    # Number of positive pairs, and of negative pairs, sampled for validation and for the protocol generated.
    data.pairs = 600
    # Image loader: tfdata, pillow, or auto (tf.data if TensorFlow is installed).
    data.loader = "auto"
    # Decode the training set once and keep it in host memory.
    data.keep_decoded = False
    # Decode the training set once and keep it on the devices: a step then needs no work on the host.
    data.resident = False
    # Detect and align the faces first with the settings of config.align; the result is cached by content and settings.
    data.align = False
    # Cache folder of aligned faces; empty: the user's cache folder.
    data.align_dir = ""
    # Side of the square network input, in pixels.
    data.side = 112
    # Side of the centre crop as a fraction of the image: 136 of 250 pixels.
    data.crop = 0.544
    # Margin around the crop for augmentation and shifted crops, in pixels.
    data.margin = 0
    data.synthetic = ConfigDict(dict(people=240, images_per_person=10, side=125, seed=0))
    return data


def _align() -> ConfigDict:
    """Return the settings of --mode=align and config.data.align."""
    align = ConfigDict()
    align.height = 112
    # The same as the height, or 96 for a height of 112.
    align.width = 112
    # Margin around the crop, in pixels. With config.data.align, config.data.margin determines it instead.
    align.margin = 0
    # Selection among several faces: centre (nearest to the centre), largest, or best (highest score).
    align.face = "centre"
    # Side of the centre crop used where no face is found, as a fraction of the image.
    align.fallback_crop = 0.544
    # jpg (quality 100, no chroma subsampling) or png.
    align.file_format = "jpg"
    # mtcnn (networks of the mtcnn package, CPU), jax (the same networks as one JAX cascade), or auto (by device).
    align.engine = "auto"
    # Number of images that the networks process together; 0: 32 on a CPU, 256 on a GPU.
    align.batch_size = 0
    # threads, or beam (an Apache Beam pipeline, for several machines).
    align.runner = "threads"
    # Number of threads; 0: one per core.
    align.workers = 0
    # Such as "--runner=FlinkRunner --parallelism=64"; empty: Beam's direct runner.
    align.beam_options = ""
    return align


def _sampler() -> ConfigDict:
    sampler = ConfigDict()
    # uniform, people_images (identities × K images) or pairs.
    sampler.name = "uniform"
    # Number of images over all devices.
    sampler.batch_size = 128
    # people_images: number K of images per identity.
    sampler.images_per_person = 4
    # people_images: identities with fewer than K images repeat them (repeat) or are excluded (leave_out).
    sampler.short = "repeat"
    # pairs: fraction of positive pairs.
    sampler.same_share = 0.5
    return sampler


def _augmentation() -> ConfigDict:
    """Return the augmentation without any but mirroring; lfw_jax/augmentation/options.py describes the options."""
    augmentation = ConfigDict()
    augmentation.flip = 0.5
    augmentation.rotation = 0.0
    augmentation.scale = 0.0
    augmentation.shift = 0.0
    augmentation.brightness = 0.0
    augmentation.contrast = 0.0
    augmentation.saturation = 0.0
    # Probability per image, as for blur, downscale, jpeg and erasing.
    augmentation.grayscale = 0.0
    augmentation.blur = 0.0
    # Maximum, in pixels.
    augmentation.blur_sigma = 2.0
    augmentation.downscale = 0.0
    # Minimum size as a fraction of the side.
    augmentation.downscale_factor = 0.25
    augmentation.jpeg = 0.0
    # Minimum quality.
    augmentation.jpeg_quality = 30
    augmentation.erasing = 0.0
    # grey or noise.
    augmentation.erasing_fill = "grey"
    return augmentation


def _optimizer() -> ConfigDict:
    optimizer = ConfigDict()
    # adam or adamw.
    optimizer.name = "adam"
    # Peak learning rate.
    optimizer.learning_rate = 1e-3
    # adamw: applied to kernels only.
    optimizer.weight_decay = 0.0
    # Maximum global norm of the gradient; 0 disables clipping.
    optimizer.clip_norm = 0.0
    # Linear warm-up to the peak.
    optimizer.warmup_epochs = 0.0
    # Epochs at the peak, after the warm-up.
    optimizer.constant_epochs = 0.0
    # Decay over the remaining epochs: none, cosine or linear.
    optimizer.decay = "cosine"
    # Learning rate at the end of the decay, as a fraction of the peak.
    optimizer.final_fraction = 0.0
    return optimizer


def _training() -> ConfigDict:
    training = ConfigDict()
    training.epochs = 120.0
    # Number of devices; 0: all of this machine.
    training.devices = 0
    # Interval of logging, in steps.
    training.log_every = 20
    # Time limit, after which training pauses and can be resumed; 0: no limit.
    training.max_minutes = 0.0
    # Epochs between two checkpoints to resume from; 0: one after each evaluation.
    training.checkpoint_every_epochs = 0.0
    # Resume a work directory although optimizer.learning_rate changed, or training.epochs grew before the learning rate
    # began to decay; config_changes.jsonl records it. Intervals of logging, validation and checkpoints may always change.
    training.resume_with_changes = False
    return training


def _evaluation() -> ConfigDict:
    evaluation = ConfigDict()
    # Further test sets, such as ("cfp_fp.bin", "calfw/pairs_CALFW.txt"). Identities named there are excluded from
    # training.
    evaluation.sets = ()
    # Interval of validation, in epochs.
    evaluation.every_epochs = 5.0
    evaluation.batch_size = 128
    # Test-time augmentation: add the embedding of the mirrored image.
    evaluation.flip = True
    # Test-time augmentation: add the embeddings of four shifted crops. The shift is in pixels, at most data.margin;
    # 0 disables it.
    evaluation.shift = 0
    # Evaluated checkpoint: best (by validation AUC) or last.
    evaluation.checkpoint = "best"
    return evaluation
