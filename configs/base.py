"""What every experiment shares; a configuration of its own changes only what it is about.

Groups that name a thing (`model`, `loss`, `miner`) hold the options of that thing and nothing else.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    """ResNet-50 with ArcFace on LFW's View 1."""
    config = ConfigDict()
    config.seed = 0

    config.data = ConfigDict()
    config.data.source = "lfw"  # lfw (fetched on first use), folder, synthetic, array, csv, rec, bin, tfds
    config.data.dir = (
        ""  # the folder or file of the source; for lfw and tfds, where tensorflow-datasets keeps its files
    )
    config.data.tfds = ""  # tfds: name:version/split, such as "lfw:0.1.1/train"
    config.data.lists_dir = ""  # where the pair lists are; empty: in the data folder, else fetched
    config.data.protocol = "view1"  # view1, view2 (LFW's lists), pairs (a list of yours), generated (drawn here)
    config.data.fold = 0  # view2: the judged fold, from 1, the others train; 0: all are judged, people in none train
    config.data.pairs_file = (
        ""  # pairs: .csv of path1,path2,same, .bin or a list (lfw_jax/data/protocols/evaluation_sets.py)
    )
    config.data.near_duplicates = "ignore"  # of judged images among the training images: ignore, list or remove
    config.data.validation_people = 0.05  # share of the training people held out to choose the best checkpoint
    config.data.test_people = 0.3  # share of all people set aside as test by the protocol "generated"
    config.data.pairs = 600  # same-person pairs, and as many of two people, drawn for validation and "generated"
    config.data.loader = "auto"  # tfdata, pillow, or auto: tf.data where TensorFlow is installed
    config.data.keep_decoded = False  # decode the training set once and keep it in memory
    config.data.resident = False  # decode it once and keep it on the devices: no work for the host in a step
    config.data.align = False  # detect and align the faces first (config.align), once: kept by content and settings
    config.data.align_dir = ""  # where aligned faces are kept; empty: the user's cache folder
    config.data.side = 112  # pixels of the square that the network sees
    config.data.crop = 0.544  # side of the centred square that it shows, as a share of the image: 136 of 250
    config.data.margin = 0  # pixels kept around it for augmentation and shifted views
    config.data.synthetic = ConfigDict(dict(people=240, images_per_person=10, side=125, seed=0))

    config.align = ConfigDict()  # of --mode=align and config.data.align
    config.align.height = 112
    config.align.width = 112  # as high, or 96 for 112 high
    config.align.margin = 0  # pixels shown around that (config.data.align takes what config.data.margin needs)
    config.align.face = "centre"  # of several: centre (nearest to it), largest, best (score)
    config.align.fallback_crop = 0.544  # without a face: the centred square that stands in, as a share of the image
    config.align.file_format = "jpg"  # jpg (quality 100, full colour), png
    config.align.engine = (
        "auto"  # mtcnn (the package's networks, CPU), jax (the same as one JAX cascade), auto: by device
    )
    config.align.batch_size = 0  # images that go through the networks together; 0: 32 on a CPU, 256 on a GPU
    config.align.runner = "threads"  # threads, beam (an Apache Beam pipeline, for several machines)
    config.align.workers = 0  # threads; 0: one a core
    config.align.beam_options = ""  # such as "--runner=FlinkRunner --parallelism=64"; empty: Beam's direct runner

    config.sampler = ConfigDict()
    config.sampler.name = "uniform"  # uniform, people_images, pairs
    config.sampler.batch_size = 128  # images, over all devices
    config.sampler.images_per_person = 4  # people_images: K
    config.sampler.short = "repeat"  # people_images: people with fewer than K images: repeat or leave_out
    config.sampler.same_share = 0.5  # pairs: share of same-person pairs

    config.augmentation = ConfigDict()  # see lfw_jax/augmentation/options.py; 0 is off
    config.augmentation.flip = 0.5
    config.augmentation.rotation = 0.0
    config.augmentation.scale = 0.0
    config.augmentation.shift = 0.0
    config.augmentation.brightness = 0.0
    config.augmentation.contrast = 0.0
    config.augmentation.saturation = 0.0
    config.augmentation.grayscale = 0.0  # this, blur, downscale, jpeg and erasing: the share of images that are changed
    config.augmentation.blur = 0.0
    config.augmentation.blur_sigma = 2.0  # pixels, the largest
    config.augmentation.downscale = 0.0
    config.augmentation.downscale_factor = 0.25  # the smallest size, as a share of the side
    config.augmentation.jpeg = 0.0
    config.augmentation.jpeg_quality = 30  # the lowest
    config.augmentation.erasing = 0.0
    config.augmentation.erasing_fill = "grey"  # grey, noise

    config.model = ConfigDict(dict(name="resnet50", embedding_dim=128, dropout=0.0, dtype="float32"))
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    config.miner = ConfigDict(dict(name="none"))
    config.memory = ConfigDict(dict(size=0))  # embeddings of earlier batches that a pair loss compares with; 0 is off

    config.optimizer = ConfigDict()
    config.optimizer.name = "adam"  # adam, adamw
    config.optimizer.learning_rate = 1e-3
    config.optimizer.weight_decay = 0.0  # adamw: on kernels alone
    config.optimizer.clip_norm = 0.0  # largest norm of the gradient; 0 is off
    config.optimizer.warmup_epochs = 0.0
    config.optimizer.constant_epochs = 0.0
    config.optimizer.decay = "cosine"  # none, cosine, linear: over the epochs that are left
    config.optimizer.final_fraction = 0.0  # of the learning rate, at the end of the decay

    config.training = ConfigDict()
    config.training.epochs = 120.0
    config.training.devices = 0  # 0: all of this machine
    config.training.log_every = 20  # steps
    config.training.max_minutes = 0.0  # pause after so long, to be resumed; 0: no limit
    config.training.checkpoint_every_epochs = 0.0  # write the checkpoint to resume from; 0: after each evaluation

    config.evaluation = ConfigDict()
    config.evaluation.sets = ()  # more to judge on, such as ("cfp_fp.bin", "calfw/pairs_CALFW.txt"); nobody named there trains
    config.evaluation.every_epochs = 5.0
    config.evaluation.batch_size = 128
    config.evaluation.flip = True  # add the mirror image's embedding
    config.evaluation.shift = 0  # pixels (at most data.margin) of four shifted views that are added; 0 is off
    config.evaluation.checkpoint = "best"  # best (by validation AUC) or last
    return config


def experiment() -> ConfigDict:
    """What the report's five experiments share: 100 epochs at one learning rate, then 20 that anneal it."""
    config = get_config()
    config.training.epochs = 120.0
    config.optimizer.constant_epochs = 100.0
    return config
