"""The PyTorch reference: ODConv and the networks around it, written from the paper's equations.

Li, Zhou, Yao, "Omni-Dimensional Dynamic Convolution", ICLR 2022, equation 2:

    y = (sum_i a_w,i * a_f * a_c * a_s * W_i) convolved with x

Module and parameter names are those of the published checkpoints, so that a state dict made here has
their names, order and shapes. Nothing here is needed to use odconv or to run its tests: only the
scripts beside this file, which rewrite fixtures and train the CIFAR-10 weights, import it.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    """The four attentions of one layer, computed from the pooled input."""

    def __init__(self, cin, cout, k, groups, reduction, kernel_num):
        super().__init__()
        hidden = max(int(cin * reduction), 16)
        self.temperature = 1.0
        self.fc = nn.Conv2d(cin, hidden, 1, bias=False)
        self.bn = nn.BatchNorm2d(hidden)
        self.channel_fc = nn.Conv2d(hidden, cin, 1)
        # A depthwise layer already has one filter per channel: the two attentions would be the same.
        self.filter_fc = None if cin == groups == cout else nn.Conv2d(hidden, cout, 1)
        self.spatial_fc = None if k == 1 else nn.Conv2d(hidden, k * k, 1)
        self.kernel_fc = None if kernel_num == 1 else nn.Conv2d(hidden, kernel_num, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        """x [B, Cin, H, W] -> a_c [B, Cin], a_f [B, Cout] or None, a_s [B, k*k] or None, a_w [B, n] or None."""
        z = x.mean(dim=(2, 3), keepdim=True)
        z = F.relu(self.bn(self.fc(z)))
        t = self.temperature
        a_c = torch.sigmoid(self.channel_fc(z).flatten(1) / t)
        a_f = torch.sigmoid(self.filter_fc(z).flatten(1) / t) if self.filter_fc else None
        a_s = torch.sigmoid(self.spatial_fc(z).flatten(1) / t) if self.spatial_fc else None
        a_w = torch.softmax(self.kernel_fc(z).flatten(1) / t, dim=1) if self.kernel_fc else None
        return a_c, a_f, a_s, a_w


class ODConv2d(nn.Module):
    """Omni-dimensional dynamic convolution. weight: [n, Cout, Cin/groups, k, k]."""

    def __init__(self, cin, cout, k, stride=1, padding=0, dilation=1, groups=1, reduction=0.0625, kernel_num=1):
        super().__init__()
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.weight = nn.Parameter(torch.empty(kernel_num, cout, cin // groups, k, k))
        self.attention = Attention(cin, cout, k, groups, reduction, kernel_num)
        for i in range(kernel_num):
            nn.init.kaiming_normal_(self.weight[i], mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        b, cin, h, w = x.shape
        n, cout, cg, k, _ = self.weight.shape
        a_c, a_f, a_s, a_w = self.attention(x)
        x = x * a_c[:, :, None, None]
        if a_s is None and a_w is None:
            y = F.conv2d(x, self.weight[0], None, self.stride, self.padding, self.dilation, self.groups)
        else:
            # One kernel per sample: fold the batch into the groups of one convolution.
            if a_w is None:
                kernel = self.weight.expand(b, -1, -1, -1, -1)
            else:
                kernel = (a_w @ self.weight.flatten(1)).view(b, cout, cg, k, k)
            if a_s is not None:
                kernel = kernel * a_s.view(b, 1, 1, k, k)
            y = F.conv2d(
                x.reshape(1, b * cin, h, w),
                kernel.reshape(b * cout, cg, k, k),
                None,
                self.stride,
                self.padding,
                self.dilation,
                self.groups * b,
            )
            y = y.view(b, cout, y.shape[-2], y.shape[-1])
        return y if a_f is None else y * a_f[:, :, None, None]


def conv(kernel_num, reduction, cin, cout, k, stride=1, groups=1):
    """A Conv2d where kernel_num is None, else an ODConv2d; padded so that stride 1 keeps the size."""
    if kernel_num is None:
        return nn.Conv2d(cin, cout, k, stride, k // 2, groups=groups, bias=False)
    return ODConv2d(cin, cout, k, stride, k // 2, groups=groups, reduction=reduction, kernel_num=kernel_num)


class PadShortcut(nn.Module):
    """Option A of He et al. 2015: every second pixel, missing channels filled with zeros. No parameters."""

    def __init__(self, cin, cout):
        super().__init__()
        self.extra = cout - cin

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2))


class Block(nn.Module):
    """Basic (two 3x3) or bottleneck (1x1, 3x3 strided, 1x1) residual block."""

    def __init__(self, make, cin, width, stride, bottleneck, pad_shortcut):
        super().__init__()
        cout = width * 4 if bottleneck else width
        if bottleneck:
            self.conv1, self.bn1 = make(cin, width, 1), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = make(width, width, 3, stride), nn.BatchNorm2d(width)
            self.conv3, self.bn3 = make(width, cout, 1), nn.BatchNorm2d(cout)
        else:
            self.conv1, self.bn1 = make(cin, width, 3, stride), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = make(width, width, 3), nn.BatchNorm2d(width)
        self.bottleneck = bottleneck
        self.downsample = None
        if stride != 1 or cin != cout:
            self.downsample = (
                PadShortcut(cin, cout)
                if pad_shortcut
                else nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bottleneck:
            y = self.bn3(self.conv3(F.relu(y)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, depths, bottleneck, num_classes=1000, kernel_num=None, reduction=0.0625, small_images=False):
        super().__init__()

        def make(*args):
            return conv(kernel_num, reduction, *args)

        width = 16 if small_images else 64
        self.small_images = small_images
        stem = (3, width, 3, 1, 1) if small_images else (3, width, 7, 2, 3)
        self.conv1 = nn.Conv2d(*stem, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        cin = width
        for i, depth in enumerate(depths):
            blocks = []
            for j in range(depth):
                blocks.append(Block(make, cin, width, 2 if i and not j else 1, bottleneck, small_images))
                cin = width * 4 if bottleneck else width
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
            width *= 2
        self.fc = nn.Linear(cin, num_classes)
        init_static(self)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if not self.small_images:
            x = F.max_pool2d(x, 3, 2, 1)
        for name, layer in self.named_children():
            if name.startswith("layer"):
                x = layer(x)
        return self.fc(x.mean(dim=(2, 3)))


def divisible(v, by=8):
    """The channel rounding of MobileNetV2: to a multiple of 8, never more than 10% down."""
    r = max(by, int(v + by / 2) // by * by)
    return r + by if r < 0.9 * v else r


class InvertedResidual(nn.Module):
    def __init__(self, make, cin, cout, stride, expand):
        super().__init__()
        hidden = cin * expand
        layers = [] if expand == 1 else [conv_bn_relu6(make(cin, hidden, 1), hidden)]
        layers += [
            conv_bn_relu6(make(hidden, hidden, 3, stride, hidden), hidden),
            make(hidden, cout, 1),
            nn.BatchNorm2d(cout),
        ]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and cin == cout

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


def conv_bn_relu6(convolution, channels):
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU6())


class MobileNetV2(nn.Module):
    def __init__(self, width_mult=1.0, num_classes=1000, kernel_num=None, reduction=0.0625, dropout=0.2):
        super().__init__()

        def make(*args):
            return conv(kernel_num, reduction, *args)

        cin = divisible(32 * width_mult)
        features = [conv_bn_relu6(nn.Conv2d(3, cin, 3, 2, 1, bias=False), cin)]
        rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        for expand, c, repeats, stride in rows:
            cout = divisible(c * width_mult)
            for i in range(repeats):
                features.append(InvertedResidual(make, cin, cout, stride if i == 0 else 1, expand))
                cin = cout
        last = divisible(1280 * max(1.0, width_mult))
        features.append(conv_bn_relu6(make(cin, last, 1), last))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))
        init_static(self)

    def forward(self, x):
        return self.classifier(self.features(x).mean(dim=(2, 3)))


def init_static(model):
    """Kaiming fan-out for plain convolutions, N(0, 0.01) for the classifier."""
    od = {id(m) for o in model.modules() if isinstance(o, ODConv2d) for m in o.modules()}
    for m in model.modules():
        if id(m) in od:
            continue
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0, 0.01)
            nn.init.zeros_(m.bias)


RESNETS = {
    "resnet18": ([2, 2, 2, 2], False),
    "resnet34": ([3, 4, 6, 3], False),
    "resnet50": ([3, 4, 6, 3], True),
    "resnet101": ([3, 4, 23, 3], True),
}
MOBILENETS = {"mobilenetv2_050": 0.5, "mobilenetv2_075": 0.75, "mobilenetv2_100": 1.0}
SMALL_RESNETS = {"resnet20": [3, 3, 3]}  # for images of 32x32 and 10 classes
ARCHITECTURES = [*RESNETS, *SMALL_RESNETS, *MOBILENETS]


def build(arch, kernel_num=4, reduction=0.0625, num_classes=None):
    """A network by its registry name: "resnet18", "od_resnet18", ... kernel_num counts for od_ names only."""
    base = arch.removeprefix("od_")
    n = kernel_num if arch.startswith("od_") else None
    if base in SMALL_RESNETS:
        return ResNet(SMALL_RESNETS[base], False, num_classes or 10, n, reduction, small_images=True)
    if base in RESNETS:
        return ResNet(*RESNETS[base], num_classes or 1000, n, reduction)
    return MobileNetV2(MOBILENETS[base], num_classes or 1000, n, reduction)


def set_temperature(model, temperature):
    for m in model.modules():
        if isinstance(m, Attention):
            m.temperature = temperature
