/** The literature, once for all models: texts cite a work as [@key], models name the keys. */

/** A work that texts cite as [@key]. */
export interface Reference {
  readonly key: string;
  readonly authors: string;
  readonly year: number;
  readonly title: string;
  /** Journal, conference or archive number. */
  readonly venue?: string;
  readonly url?: string;
}

type Entry = readonly [authors: string, year: number, title: string, venue: string, url?: string];

const ENTRIES = {
  arvm: [
    "Zhao, Basu",
    2025,
    "Exploring image generation via mutually exclusive probability spaces and local dependence hypothesis",
    "arXiv 2506.21731",
    "https://arxiv.org/abs/2506.21731",
  ],
  localauto: [
    "Zhao, Basu",
    2026,
    "Local autoregression with finite-support random variables for image generation",
    "ICPR",
  ],
  extraction: [
    "Carlini, Tramèr, Wallace, Jagielski, Herbert-Voss, Lee, Roberts, Brown, Song, Erlingsson, Oprea, Raffel",
    2021,
    "Extracting training data from large language models",
    "USENIX Security, arXiv 2012.07805",
    "https://arxiv.org/abs/2012.07805",
  ],
  knowledge: [
    "Allen-Zhu, Li",
    2024,
    "Physics of language models: part 3.3, knowledge capacity scaling laws",
    "arXiv 2404.05405",
    "https://arxiv.org/abs/2404.05405",
  ],
  capacity: [
    "Morris, Sitawarin, Guo, Kokhlikyan, Suh, Rush, Chaudhuri, Mahloujifar",
    2025,
    "How much do language models memorize?",
    "arXiv 2505.24832",
    "https://arxiv.org/abs/2505.24832",
  ],
  lira: [
    "Carlini, Chien, Nasr, Song, Terzis, Tramèr",
    2022,
    "Membership inference attacks from first principles",
    "IEEE Symposium on Security and Privacy, arXiv 2112.03570",
    "https://arxiv.org/abs/2112.03570",
  ],
  pixelcnn: [
    "van den Oord, Kalchbrenner, Espeholt, Kavukcuoglu, Vinyals, Graves",
    2016,
    "Conditional image generation with PixelCNN decoders",
    "NeurIPS",
    "https://arxiv.org/abs/1606.05328",
  ],
  pixelrnn: [
    "van den Oord, Kalchbrenner, Kavukcuoglu",
    2016,
    "Pixel recurrent neural networks",
    "ICML",
    "https://arxiv.org/abs/1601.06759",
  ],
  made: [
    "Germain, Gregor, Murray, Larochelle",
    2015,
    "MADE: masked autoencoder for distribution estimation",
    "ICML",
    "https://arxiv.org/abs/1502.03509",
  ],
  nplm: ["Bengio, Ducharme, Vincent, Jauvin", 2003, "A neural probabilistic language model", "JMLR 3"],
  transformer: [
    "Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin",
    2017,
    "Attention is all you need",
    "NeurIPS",
    "https://arxiv.org/abs/1706.03762",
  ],
  gpt2: [
    "Radford, Wu, Child, Luan, Amodei, Sutskever",
    2019,
    "Language models are unsupervised multitask learners",
    "OpenAI",
  ],
  katz: [
    "Katz",
    1987,
    "Estimation of probabilities from sparse data for the language model component of a speech recognizer",
    "IEEE Transactions on Acoustics, Speech, and Signal Processing 35",
  ],
  shannon: ["Shannon", 1948, "A mathematical theory of communication", "Bell System Technical Journal 27"],
  lenet: [
    "LeCun, Bottou, Bengio, Haffner",
    1998,
    "Gradient-based learning applied to document recognition",
    "Proceedings of the IEEE 86",
  ],
  lstm: ["Hochreiter, Schmidhuber", 1997, "Long short-term memory", "Neural Computation 9"],
  gru: [
    "Cho, van Merriënboer, Gulcehre, Bahdanau, Bougares, Schwenk, Bengio",
    2014,
    "Learning phrase representations using RNN encoder-decoder for statistical machine translation",
    "EMNLP",
    "https://arxiv.org/abs/1406.1078",
  ],
  chrono: [
    "Tallec, Ollivier",
    2018,
    "Can recurrent neural networks warp time?",
    "ICLR",
    "https://arxiv.org/abs/1804.11188",
  ],
  textcnn: [
    "Kim",
    2014,
    "Convolutional neural networks for sentence classification",
    "EMNLP",
    "https://arxiv.org/abs/1408.5882",
  ],
  elman: ["Elman", 1990, "Finding structure in time", "Cognitive Science 14"],
  irnn: [
    "Le, Jaitly, Hinton",
    2015,
    "A simple way to initialize recurrent networks of rectified linear units",
    "arXiv 1504.00941",
    "https://arxiv.org/abs/1504.00941",
  ],
  vae: [
    "Kingma, Welling",
    2014,
    "Auto-encoding variational Bayes",
    "ICLR",
    "https://arxiv.org/abs/1312.6114",
  ],
  gan: [
    "Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio",
    2014,
    "Generative adversarial nets",
    "NeurIPS",
    "https://arxiv.org/abs/1406.2661",
  ],
  dcgan: [
    "Radford, Metz, Chintala",
    2016,
    "Unsupervised representation learning with deep convolutional generative adversarial networks",
    "ICLR",
    "https://arxiv.org/abs/1511.06434",
  ],
  flowmatching: [
    "Lipman, Chen, Ben-Hamu, Nickel, Le",
    2023,
    "Flow matching for generative modeling",
    "ICLR",
    "https://arxiv.org/abs/2210.02747",
  ],
  rectifiedflow: [
    "Liu, Gong, Liu",
    2023,
    "Flow straight and fast: learning to generate and transfer data with rectified flow",
    "ICLR",
    "https://arxiv.org/abs/2209.03003",
  ],
  unet: [
    "Ronneberger, Fischer, Brox",
    2015,
    "U-Net: convolutional networks for biomedical image segmentation",
    "MICCAI",
    "https://arxiv.org/abs/1505.04597",
  ],
  resnet: [
    "He, Zhang, Ren, Sun",
    2016,
    "Deep residual learning for image recognition",
    "CVPR",
    "https://arxiv.org/abs/1512.03385",
  ],
  inception: [
    "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna",
    2016,
    "Rethinking the Inception architecture for computer vision",
    "CVPR",
    "https://arxiv.org/abs/1512.00567",
  ],
  fid: [
    "Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter",
    2017,
    "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
    "NeurIPS",
    "https://arxiv.org/abs/1706.08500",
  ],
  cleanfid: [
    "Parmar, Zhang, Zhu",
    2022,
    "On aliased resizing and surprising subtleties in GAN evaluation",
    "CVPR",
    "https://arxiv.org/abs/2104.11222",
  ],
  batchnorm: [
    "Ioffe, Szegedy",
    2015,
    "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    "ICML",
    "https://arxiv.org/abs/1502.03167",
  ],
  layernorm: [
    "Ba, Kiros, Hinton",
    2016,
    "Layer normalization",
    "arXiv 1607.06450",
    "https://arxiv.org/abs/1607.06450",
  ],
  dropout: [
    "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov",
    2014,
    "Dropout: a simple way to prevent neural networks from overfitting",
    "JMLR 15",
  ],
  he: [
    "He, Zhang, Ren, Sun",
    2015,
    "Delving deep into rectifiers: surpassing human-level performance on ImageNet classification",
    "ICCV",
    "https://arxiv.org/abs/1502.01852",
  ],
  ste: [
    "Bengio, Léonard, Courville",
    2013,
    "Estimating or propagating gradients through stochastic neurons for conditional computation",
    "arXiv 1308.3432",
    "https://arxiv.org/abs/1308.3432",
  ],
  selu: [
    "Klambauer, Unterthiner, Mayr, Hochreiter",
    2017,
    "Self-normalizing neural networks",
    "NeurIPS",
    "https://arxiv.org/abs/1706.02515",
  ],
  adam: [
    "Kingma, Ba",
    2015,
    "Adam: a method for stochastic optimization",
    "ICLR",
    "https://arxiv.org/abs/1412.6980",
  ],
  adamw: [
    "Loshchilov, Hutter",
    2019,
    "Decoupled weight decay regularization",
    "ICLR",
    "https://arxiv.org/abs/1711.05101",
  ],
  onecycle: [
    "Smith, Topin",
    2019,
    "Super-convergence: very fast training of neural networks using large learning rates",
    "SPIE Artificial Intelligence and Machine Learning for Multi-Domain Operations Applications",
    "https://arxiv.org/abs/1708.07120",
  ],
  nesterov: [
    "Sutskever, Martens, Dahl, Hinton",
    2013,
    "On the importance of initialization and momentum in deep learning",
    "ICML",
  ],
  lookahead: [
    "Zhang, Lucas, Hinton, Ba",
    2019,
    "Lookahead optimizer: k steps forward, 1 step back",
    "NeurIPS",
    "https://arxiv.org/abs/1907.08610",
  ],
  labelsmoothing: [
    "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna",
    2016,
    "Rethinking the Inception architecture for computer vision",
    "CVPR",
    "https://arxiv.org/abs/1512.00567",
  ],
  gelu: [
    "Hendrycks, Gimpel",
    2016,
    "Gaussian error linear units (GELUs)",
    "arXiv 1606.08415",
    "https://arxiv.org/abs/1606.08415",
  ],
  airbench: [
    "Jordan",
    2024,
    "94% on CIFAR-10 in 3.29 seconds on a single GPU",
    "arXiv 2404.00498",
    "https://arxiv.org/abs/2404.00498",
  ],
  longtail: [
    "Feldman, Zhang",
    2020,
    "What neural networks memorize and why: discovering the long tail via influence estimation",
    "NeurIPS",
    "https://arxiv.org/abs/2008.03703",
  ],
  addnist: [
    "Geada, Towers, Forshaw, Atapour-Abarghouei, McGough",
    2024,
    "Insights from the use of previously unseen neural architecture search datasets",
    "CVPR",
    "https://arxiv.org/abs/2404.02189",
  ],
  cosine: [
    "Loshchilov, Hutter",
    2017,
    "SGDR: stochastic gradient descent with warm restarts",
    "ICLR",
    "https://arxiv.org/abs/1608.03983",
  ],
  cifar: [
    "Krizhevsky",
    2009,
    "Learning multiple layers of features from tiny images",
    "University of Toronto",
  ],
  wilson: [
    "Wilson",
    1927,
    "Probable inference, the law of succession, and statistical inference",
    "Journal of the American Statistical Association 22",
  ],
  datacopying: [
    "Meehan, Chaudhuri, Dasgupta",
    2020,
    "A non-parametric test to detect data-copying in generative models",
    "AISTATS",
    "https://arxiv.org/abs/2004.05675",
  ],
  authenticity: [
    "Alaa, van Breugel, Saveliev, van der Schaar",
    2022,
    "How faithful is your synthetic data? Sample-level metrics for evaluating and auditing generative models",
    "ICML",
    "https://arxiv.org/abs/2102.08921",
  ],
  logitnormal: [
    "Esser, Kulal, Blattmann, and others",
    2024,
    "Scaling rectified flow transformers for high-resolution image synthesis",
    "ICML",
    "https://arxiv.org/abs/2403.03206",
  ],
  groupnorm: ["Wu, He", 2018, "Group normalization", "ECCV", "https://arxiv.org/abs/1803.08494"],
  film: [
    "Perez, Strub, de Vries, Dumoulin, Courville",
    2018,
    "FiLM: visual reasoning with a general conditioning layer",
    "AAAI",
    "https://arxiv.org/abs/1709.07871",
  ],
  averages: [
    "Polyak, Juditsky",
    1992,
    "Acceleration of stochastic approximation by averaging",
    "SIAM Journal on Control and Optimization 30",
  ],
  edm: [
    "Karras, Aittala, Aila, Laine",
    2022,
    "Elucidating the design space of diffusion-based generative models",
    "NeurIPS",
    "https://arxiv.org/abs/2206.00364",
  ],
  guidance: [
    "Ho, Salimans",
    2022,
    "Classifier-free diffusion guidance",
    "arXiv 2207.12598",
    "https://arxiv.org/abs/2207.12598",
  ],
  kid: [
    "Bińkowski, Sutherland, Arbel, Gretton",
    2018,
    "Demystifying MMD GANs",
    "ICLR",
    "https://arxiv.org/abs/1801.01401",
  ],
  precisionrecall: [
    "Kynkäänniemi, Karras, Laine, Lehtinen, Aila",
    2019,
    "Improved precision and recall metric for assessing generative models",
    "NeurIPS",
    "https://arxiv.org/abs/1904.06991",
  ],
  density: [
    "Naeem, Oh, Uh, Choi, Yoo",
    2020,
    "Reliable fidelity and diversity metrics for generative models",
    "ICML",
    "https://arxiv.org/abs/2002.09797",
  ],
} as const satisfies Record<string, Entry>;

/** The key of a work that is in the bibliography. */
export type WorkKey = keyof typeof ENTRIES;

/** The work of a key; undefined where there is none. */
export function workOf(key: string): Reference | undefined {
  if (!Object.hasOwn(ENTRIES, key)) return undefined;
  const [authors, year, title, venue, url]: Entry = ENTRIES[key as WorkKey];
  return { key, authors, year, title, venue, ...url === undefined ? {} : { url } };
}
