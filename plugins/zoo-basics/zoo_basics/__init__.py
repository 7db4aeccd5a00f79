"""Basic parts for the zoo: encoders, decoders, priors, heads, attacks, objectives, samplers, metrics and data sets."""

from __future__ import annotations

from collections.abc import Callable

from zoo_core.hookspecs import hookimpl


@hookimpl
def register_components(register: Callable[..., None]) -> None:
    """Everything this plugin brings, by name; nothing is imported until it is built."""
    _register_parts(register)
    _register_objectives(register)
    _register_adversarial_objectives(register)
    _register_samplers_and_metrics(register)
    _register_plots(register)
    _register_datasets(register)


def _register_parts(register: Callable[..., None]) -> None:
    for kind, suffix in (("encoder", "Encoder"), ("decoder", "Decoder")):
        package = f"zoo_basics.{kind}s"
        register(kind, "mlp", f"{package}.mlp:MLP{suffix}", summary="fully connected layers")
        register(
            kind,
            "dcgan",
            f"{package}.dcgan:DCGAN{suffix}",
            summary="4x4 stride-2 convolutions, batch norm",
            paper="Radford et al. 2016",
        )
        register(
            kind,
            "discgen",
            f"{package}.discgen:Discgen{suffix}",
            paper="Lamb et al. 2016",
            summary="the CelebA net of discriminative regularization; sides divisible by 16",
        )
        register(
            kind,
            "resnet",
            f"{package}.resnet:ResNet{suffix}",
            paper="Huang et al. 2018",
            summary="residual blocks with pooling or upsampling between, as in IntroVAE",
        )
    package = "zoo_basics.discriminators"
    register(
        "feature-extractor",
        "mlp",
        f"{package}.mlp:MLPDiscriminator",
        summary="discriminator of fully connected layers, with a score",
    )
    register(
        "feature-extractor",
        "dcgan",
        f"{package}.dcgan:DCGANDiscriminator",
        summary="discriminator of stride-2 convolutions, with a score",
        paper="Radford et al. 2016",
    )
    register(
        "feature-extractor",
        "resnet",
        f"{package}.resnet:ResNetDiscriminator",
        summary="discriminator of residual blocks, with a score",
        paper="Gulrajani et al. 2017",
    )
    register(
        "feature-extractor",
        "score-head",
        f"{package}.score_head:ScoredExtractor",
        summary="any feature extractor as a discriminator, with a score",
    )
    register("prior", "gaussian", "zoo_basics.priors.gaussian:GaussianPrior", summary="isotropic Gaussian around 0")
    register("prior", "uniform", "zoo_basics.priors.uniform:Uniform", summary="uniform in a cube")
    register(
        "head",
        "linear",
        "zoo_basics.heads.linear:LinearHead",
        summary="one linear layer, with or without a logit for fakes",
    )
    register(
        "attack",
        "fgsm",
        "zoo_basics.attacks.fgsm:FGSM",
        paper="Goodfellow et al. 2015",
        summary="one step along the sign of the slope",
    )
    register(
        "attack",
        "pgd",
        "zoo_basics.attacks.pgd:PGD",
        paper="Madry et al. 2018",
        summary="many small steps, each back into the ball",
    )


def _register_objectives(register: Callable[..., None]) -> None:
    package = "zoo_basics.objectives"
    register(
        "objective",
        "elbo",
        f"{package}.elbo:ELBO",
        summary="evidence lower bound, with beta and free bits",
        paper="Kingma and Welling 2013",
    )
    register(
        "objective",
        "reconstruction",
        f"{package}.reconstruction:Reconstruction",
        summary="distance between x and its reconstruction",
    )
    register(
        "objective", "cross-entropy", f"{package}.cross_entropy:CrossEntropy", summary="trains a classifier of classes"
    )
    register(
        "objective",
        "attribute-bce",
        f"{package}.attribute_bce:AttributeBCE",
        summary="trains a classifier of yes-or-no attributes",
    )
    register(
        "objective",
        "divergence",
        f"{package}.divergence:Divergence",
        summary="the KL divergence of codes from the prior, with a weight of its own",
    )
    register(
        "objective",
        "latent-cross-entropy",
        f"{package}.latent_cross_entropy:LatentCrossEntropy",
        summary="a head tells the classes from codes",
    )
    register(
        "objective",
        "latent-attribute-bce",
        f"{package}.latent_attribute_bce:LatentAttributeBCE",
        summary="a head tells yes-or-no attributes from codes",
    )


def _register_adversarial_objectives(register: Callable[..., None]) -> None:
    package = "zoo_basics.objectives"
    for name, target, paper, summary in (
        ("gan", "gan:GAN", "Goodfellow et al. 2014", "adversarial game, non-saturating cross-entropy"),
        ("gan-minimax", "gan:MinimaxGAN", "Goodfellow et al. 2014", "adversarial game, cross-entropy as minimax"),
        ("lsgan", "gan:LeastSquaresGAN", "Mao et al. 2017", "adversarial game, least squares"),
        ("hinge", "gan:HingeGAN", "Lim and Ye 2017", "adversarial game, hinge losses"),
        ("wgan", "wgan:WGAN", "Arjovsky et al. 2017", "Wasserstein game, weights of the critic clipped"),
        ("wgan-gp", "wgan:WGANGP", "Gulrajani et al. 2017", "Wasserstein game with a gradient penalty"),
        (
            "bgan",
            "boundary_seeking:BoundarySeekingGAN",
            "Hjelm et al. 2018",
            "boundary-seeking game, continuous or discrete pixels",
        ),
        (
            "feature-matching",
            "feature_matching:FeatureMatching",
            "Salimans et al. 2016",
            "the generator matches mean features of the discriminator",
        ),
        ("r1", "gradient_penalties:R1", "Mescheder et al. 2018", "penalty on the discriminator's slope at the data"),
        (
            "roth",
            "gradient_penalties:RothPenalty",
            "Roth et al. 2017",
            "penalty on the discriminator's slope, in place of noise on images",
        ),
        (
            "jacobian-clamping",
            "jacobian_clamping:JacobianClamping",
            "Odena et al. 2018",
            "bounds how much the generator's images change with the code",
        ),
    ):
        register("objective", name, f"{package}.{target}", summary=summary, paper=paper)


def _register_samplers_and_metrics(register: Callable[..., None]) -> None:
    register("sampler", "prior", "zoo_basics.samplers.prior:PriorSampler", summary="decodes draws from the prior")
    register(
        "sampler",
        "interpolation",
        "zoo_basics.samplers.interpolation:Interpolation",
        summary="walks between pairs of codes",
        paper="White 2016",
    )
    package = "zoo_basics.metrics"
    register(
        "metric",
        "reconstruction",
        f"{package}.reconstruction:ReconstructionError",
        summary="squared and absolute error and PSNR of reconstructions",
    )
    register("metric", "elbo", f"{package}.elbo:ELBOMetric", summary="evidence lower bound, distortion and rate")
    register(
        "metric",
        "nll",
        f"{package}.nll:NLL",
        summary="negative log-likelihood by importance sampling",
        paper="Burda et al. 2016; Lamb et al. 2016, section 5.2",
    )
    register("metric", "accuracy", f"{package}.accuracy:Accuracy", summary="accuracy of the classifier")
    register(
        "metric",
        "probe",
        f"{package}.probe:Probe",
        summary="how well a simple classifier reads the class off codes",
        paper="Alain and Bengio 2016",
    )
    register(
        "metric",
        "feature-error",
        f"{package}.feature_error:FeatureError",
        summary="error of reconstructions in a classifier's layers, over their variance",
    )
    register(
        "metric",
        "fid",
        f"{package}.fid:FID",
        summary="Fréchet distance between features of images and samples",
        paper="Heusel et al. 2017",
    )
    register(
        "metric",
        "kid",
        f"{package}.kid:KID",
        summary="kernel distance between features of images and samples",
        paper="Bińkowski et al. 2018",
    )
    register(
        "metric",
        "inception-score",
        f"{package}.inception_score:InceptionScore",
        summary="how sure a classifier is of samples, and how different it finds them",
        paper="Salimans et al. 2016",
    )
    register(
        "metric",
        "precision-recall",
        f"{package}.precision_recall:PrecisionRecall",
        summary="share of samples among the images, and of images among the samples",
        paper="Kynkäänniemi et al. 2019",
    )
    register("metric", "modes", f"{package}.modes:Modes", summary="classes among the samples, and their entropy")


def _register_plots(register: Callable[..., None]) -> None:
    package = "zoo_basics.plots"
    register("plot", "codes", f"{package}.codes:Codes", summary="codes of the data, coloured by class")
    register(
        "plot", "manifold", f"{package}.manifold:Manifold", summary="pictures on a grid of the prior's percentiles"
    )
    register(
        "plot",
        "samples",
        f"{package}.samples:SamplesPlot",
        summary="draws from the prior, with the nearest training images where asked",
    )
    register("plot", "curves", f"{package}.curves:Curves", summary="the terms of a run's losses against epochs")


def _register_datasets(register: Callable[..., None]) -> None:
    package = "zoo_basics.datasets"
    register(
        "dataset", "digits", f"{package}.digits:DigitsDataset", summary="1,797 real digits of scikit-learn, 1x32x32"
    )
    register(
        "dataset",
        "mnist",
        f"{package}.mnist:MnistDataset",
        summary="handwritten digits, 1x28x28",
        paper="LeCun et al. 1998",
    )
    register(
        "dataset",
        "fashion-mnist",
        f"{package}.fashion_mnist:FashionMnistDataset",
        summary="clothes, 1x28x28",
        paper="Xiao et al. 2017",
    )
    register(
        "dataset",
        "cifar10",
        f"{package}.cifar10:Cifar10Dataset",
        summary="ten classes of objects, 3x32x32",
        paper="Krizhevsky 2009",
    )
    register(
        "dataset", "svhn", f"{package}.svhn:SvhnDataset", summary="house numbers, 3x32x32", paper="Netzer et al. 2011"
    )
    register(
        "dataset",
        "stl10",
        f"{package}.stl10:Stl10Dataset",
        summary="ten classes of objects, 3x96x96",
        paper="Coates et al. 2011",
    )
    register(
        "dataset",
        "celeba",
        f"{package}.celeba:CelebaDataset",
        summary="faces with 40 attributes, 3x64x64",
        paper="Liu et al. 2015",
    )
    register("dataset", "folder", f"{package}.folder:FolderDataset", summary="a folder of pictures, folder:PATH")
    register("dataset", "npz", f"{package}.npz:NpzDataset", summary="arrays in a NumPy archive, npz:PATH")
    register(
        "dataset", "text", f"{package}.text:TextDataset", summary="windows of characters of a text file, text:PATH"
    )
