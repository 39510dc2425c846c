"""Named networks in plain torch.nn, from their papers, layer by layer."""

from reference.optional import Module, nn, torch


def vgg16_reference(head):
    """Table 1, column D of Simonyan and Zisserman, in plain torch.nn."""
    layers, inputs = [], 3
    for channels, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
            inputs = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), *head)


def alexnet_module(first, pool, tail):
    return nn.Sequential(
        *(first, nn.ReLU(), pool),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), pool),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), pool),
        *tail,
    )


def mnistm_module():
    layers, inputs = [], 3
    for channels in (32, 64):
        for _ in range(2):
            conv = nn.Conv2d(inputs, channels, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(channels), nn.ReLU()]
            inputs = channels
        layers += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    layers += [nn.Flatten(), nn.Linear(64 * 49, 256), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(256, 10))


def unpadded_module(channels, kernel, flat):
    layers, inputs = [], 1
    for count in channels:
        layers += [nn.Conv2d(inputs, count, kernel, bias=False), nn.BatchNorm2d(count)]
        layers.append(nn.ReLU())
        inputs = count
    dense = nn.Linear(flat, 10, bias=False)
    return nn.Sequential(*layers, nn.Flatten(), dense, nn.BatchNorm1d(10))


def rival_module(blocks, hidden=()):
    layers, inputs = [], 1
    for block in blocks:
        for count in block:
            conv = nn.Conv2d(inputs, count, 5, padding=2, bias=False)
            layers += [conv, nn.BatchNorm2d(count), nn.ReLU()]
            inputs = count
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    inputs *= 49
    for units in hidden:
        dense = nn.Linear(inputs, units, bias=False)
        layers += [dense, nn.BatchNorm1d(units), nn.ReLU()]
        inputs = units
    dense = nn.Linear(inputs, 10, bias=False)
    return nn.Sequential(*layers, dense, nn.BatchNorm1d(10))


class Added(Module):
    """relu(body(x) + shortcut(x)), or without the ReLU."""

    def __init__(self, body, shortcut=None, relu=True):
        super().__init__()
        self.body, self.shortcut, self.relu = body, shortcut, relu

    def forward(self, x):
        y = self.body(x) + (x if self.shortcut is None else self.shortcut(x))
        return y.relu() if self.relu else y


def bare(inputs, outputs, kernel, stride=1, groups=1):
    padding = kernel // 2
    conv = nn.Conv2d(
        inputs, outputs, kernel, stride, padding, groups=groups, bias=False
    )
    return [conv, nn.BatchNorm2d(outputs)]


def resnet_module(bottleneck, blocks):
    layers, inputs = [*bare(1, 64, 3), nn.ReLU()], 64
    for stage, count in enumerate(blocks):
        channels = 64 * 2**stage
        outputs = channels * (4 if bottleneck else 1)
        for i in range(count):
            stride = 2 if stage and not i else 1
            if bottleneck:
                body = [*bare(inputs, channels, 1), nn.ReLU()]
                body += [*bare(channels, channels, 3, stride), nn.ReLU()]
                body += bare(channels, outputs, 1)
            else:
                body = [*bare(inputs, channels, 3, stride), nn.ReLU()]
                body += bare(channels, channels, 3)
            changes = stride > 1 or inputs != outputs
            side = nn.Sequential(*bare(inputs, outputs, 1, stride)) if changes else None
            layers.append(Added(nn.Sequential(*body), side))
            inputs = outputs
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10)]
    return nn.Sequential(*layers, *tail)


def mobilenet_module():
    layers, inputs = [*bare(1, 32, 3), nn.ReLU6()], 32
    table = [(1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2)]
    for t, c, n, s in [*table, (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(n):
            stride, wide = s if not i else 1, inputs * t
            block = [*bare(inputs, wide, 1), nn.ReLU6()] if t > 1 else []
            block += [*bare(wide, wide, 3, stride, wide), nn.ReLU6()]
            block = nn.Sequential(*block, *bare(wide, c, 1))
            same = stride == 1 and inputs == c
            layers.append(Added(block, relu=False) if same else block)
            inputs = c
    tail = [*bare(320, 1280, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *tail, nn.Dropout(0.2), nn.Linear(1280, 10))


class Appended(Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet_module():
    layers, channels = [*bare(1, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate((6, 12, 24, 16)):
        if stage:
            layers += [nn.BatchNorm2d(channels), nn.ReLU()]
            conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
            layers += [conv, nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(count):
            norm = nn.BatchNorm2d(channels)
            body = [norm, nn.ReLU(), *bare(channels, 128, 1), nn.ReLU()]
            body.append(nn.Conv2d(128, 32, 3, padding=1, bias=False))
            layers.append(Appended(nn.Sequential(*body)))
            channels += 32
    tail = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, *tail, nn.Flatten(), nn.Linear(channels, 10))


class RowsReference(Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(28, 128, batch_first=True)
        self.dense = torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.dense(self.gru(x[:, 0])[0][:, -1])


class VisionTransformer(Module):
    """Patches as tokens, blocks with the norm first, the mean of the tokens."""

    class Block(Module):
        def __init__(self):
            super().__init__()
            self.before = torch.nn.LayerNorm(64)
            self.attention = torch.nn.MultiheadAttention(64, 4, batch_first=True)
            self.between = torch.nn.LayerNorm(64)
            wide = [torch.nn.Linear(64, 128), torch.nn.GELU(), torch.nn.Linear(128, 64)]
            self.wide = torch.nn.Sequential(*wide)

        def forward(self, x):
            y = self.before(x)
            x = x + self.attention(y, y, y, need_weights=False)[0]
            return x + self.wide(self.between(x))

    def __init__(self):
        super().__init__()
        self.patches = torch.nn.Conv2d(1, 64, 4, 4)
        self.position = torch.nn.Parameter(torch.zeros(64, 7, 7))
        self.blocks = torch.nn.Sequential(*(self.Block() for _ in range(4)))
        self.norm = torch.nn.LayerNorm(64)
        self.dense = torch.nn.Linear(64, 10)

    def state_dict(self):  # in the order of the layers
        state = super().state_dict()
        position = state.pop("position")
        names = list(state)
        order = [*names[:2], "position", *names[2:]]
        return {n: position if n == "position" else state[n] for n in order}

    def forward(self, x):
        tokens = (self.patches(x) + self.position).flatten(2).transpose(1, 2)
        return self.dense(self.norm(self.blocks(tokens)).mean(1))


class CapsNet(Module):
    """Sabour, Frosst, Hinton, 2017, figures 1 and 2, sum by sum."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 256, 9)
        self.conv2 = nn.Conv2d(256, 256, 9, 2)
        self.weight = nn.Parameter(torch.zeros(1152, 160, 8))
        dense = [nn.Linear(160, 512), nn.ReLU(), nn.Linear(512, 1024), nn.ReLU()]
        self.decoder = nn.Sequential(*dense, nn.Linear(1024, 784), nn.Sigmoid())

    def state_dict(self):  # in the order of the layers
        state = super().state_dict()
        weight = state.pop("weight")
        names = list(state)
        order = [*names[:4], "weight", *names[4:]]
        return {n: weight if n == "weight" else state[n] for n in order}

    @staticmethod
    def squash(s):
        length = s.norm(dim=-1, keepdim=True)
        return length**2 / (1 + length**2) * s / length

    def forward(self, x):
        maps = self.conv2(self.conv1(x).relu())
        vectors = maps.reshape(len(x), 32, 8, 36).permute(0, 1, 3, 2)
        vectors = self.squash(vectors.reshape(len(x), 1152, 8))
        votes = torch.einsum("jkd,njd->njk", self.weight, vectors)
        votes = votes.reshape(len(x), 1152, 10, 16)
        logits = torch.zeros(len(x), 1152, 10)
        for _ in range(3):
            classes = self.squash((logits.softmax(2)[..., None] * votes).sum(1))
            logits = logits + (votes * classes[:, None]).sum(3)
        lengths = classes.norm(dim=2)
        return lengths.log() - (1 - lengths).log()


def vgg16_top():
    layers = [nn.Linear(512, 4096), nn.ReLU(), nn.Dropout()]
    return [
        *layers,
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 10),
    ]


def transfer_top():
    return [nn.Linear(512, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, 10)]


def alexnet():
    top = [nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Dropout()]
    top += [nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096)]
    first = nn.Conv2d(3, 64, 11, stride=4, padding=2)
    return alexnet_module(
        first, nn.MaxPool2d(3, 2), [*top, nn.ReLU(), nn.Linear(4096, 10)]
    )


def alexnet_small():
    first = nn.Conv2d(1, 64, 11, stride=4, padding=5)
    return alexnet_module(first, nn.MaxPool2d(2), [nn.Flatten(), nn.Linear(256, 10)])


# What makes the module, and the sides of the images to predict.
REFERENCES = {
    "vgg16": (lambda: vgg16_reference(vgg16_top()), (32, 40)),
    "vgg16-transfer": (lambda: vgg16_reference(transfer_top()), (48,)),
    "alexnet": (alexnet, (63, 70)),
    "alexnet-small": (alexnet_small, (32,)),
    "mnistm-cnn": (mnistm_module, (28,)),
    "m3": (lambda: unpadded_module(range(32, 177, 16), 3, 11264), (28,)),
    "m5": (lambda: unpadded_module((32, 64, 96, 128, 160), 5, 10240), (28,)),
    "m7": (lambda: unpadded_module((48, 96, 144, 192), 7, 3072), (28,)),
    "c1": (lambda: rival_module([(64,), (128,)]), (28,)),
    "c2": (lambda: rival_module([(64,), (128,)], (100,)), (28,)),
    "c3": (lambda: rival_module([(32, 64), (96, 128)]), (28,)),
    "resnet18": (lambda: resnet_module(False, (2, 2, 2, 2)), (28, 33)),
    "resnet50": (lambda: resnet_module(True, (3, 4, 6, 3)), (28,)),
    "mobilenetv2": (mobilenet_module, (28, 33)),
    "densenet121": (densenet_module, (32, 40)),
    "gru": (RowsReference, (28,)),
    "vit-tiny": (VisionTransformer, (28,)),
    "capsnet": (CapsNet, (28,)),
}
