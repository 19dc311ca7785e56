/**
 * Data that the authors of ODConv published: figures on the ImageNet validation set (the table in their README) and
 * addresses of the checkpoints. The repository has these facts only, and none of the authors' files.
 */

/** A published checkpoint. */
export interface Published {
  /** n, the number of kernels; 1 for static networks. */
  readonly kernelNum: number;
  /** Number of trainable parameters, in millions. */
  readonly parametersM: number;
  /** Multiply-adds at 224x224. The authors do not state how they count. */
  readonly madds: string;
  /** ImageNet top-1 accuracy, in percent. */
  readonly top1: number;
  /** ImageNet top-5 accuracy, in percent. */
  readonly top5: number;
  /** Number of training epochs. */
  readonly epochs: number;
  /** The authors' page of the file (Apache-2.0). */
  readonly url: string;
}

function row(
  kernelNum: number,
  parametersM: number,
  madds: string,
  top1: number,
  top5: number,
  epochs: number,
  driveId: string,
): Published {
  const url = `https://drive.google.com/file/d/${driveId}/view`;
  return { kernelNum, parametersM, madds, top1, top5, epochs, url };
}

/** Checkpoints by architecture. Other architectures (resnet34, resnet20) have no published checkpoint. */
export const PUBLISHED: Readonly<Record<string, readonly Published[]>> = {
  mobilenetv2_100: [
    row(1, 3.5, "300.8M", 71.65, 90.22, 150, "1bcqVXDLqHW3cid4eMZ_992QHBRMalrMZ"),
  ],
  od_mobilenetv2_100: [
    row(1, 4.94, "311.8M", 74.74, 91.95, 150, "1Du_AH_pvtFE8ABg_FLjtPccVypw5AajU"),
    row(4, 11.51, "327.1M", 75.29, 92.18, 150, "1HfwoBWOGsiiuhoOyetoQeJ8iXrCi5lJv"),
  ],
  mobilenetv2_075: [
    row(1, 2.64, "209.1M", 69.18, 88.82, 150, "1skF04XZ-chidb9ryQy5AnogCZ4PCC9P1"),
  ],
  od_mobilenetv2_075: [
    row(1, 3.51, "217.1M", 72.71, 90.85, 150, "1g3_OppE5jXW5eO7jy2vbw9mfVqNz-_Tk"),
    row(4, 7.5, "226.3M", 74.01, 91.37, 150, "1bGloR4WUAsGEQpbmqLO-hShIcoV0ut42"),
  ],
  mobilenetv2_050: [
    row(1, 1.97, "97.1M", 64.3, 85.21, 150, "18ehlfZCMKSB-BNFhzyTFg0UCceaX76-t"),
  ],
  od_mobilenetv2_050: [
    row(1, 2.43, "101.8M", 68.06, 87.67, 150, "137qpjBdLjQ6MNNQ-YbqgWZeTEAq7AM_2"),
    row(4, 4.44, "106.4M", 70.23, 88.86, 150, "1x2bB8GxNAKfvO-_MX-9Z9mqABBfHkYed"),
  ],
  resnet18: [
    row(1, 11.69, "1.814G", 70.25, 89.38, 100, "10eYio_FYm0LpalEJ8PkW4_twXGcxF8Of"),
  ],
  od_resnet18: [
    row(1, 11.94, "1.838G", 73.05, 91.05, 100, "1AxCKAHJve3fbe2SnvoHsSucNvjv5Dxow"),
    row(4, 44.9, "1.916G", 74.19, 91.47, 100, "1Krsaa0fBKluFCyO7nmg-R9LlsoSUjJj2"),
  ],
  resnet50: [
    row(1, 25.56, "3.858G", 76.23, 92.97, 100, "1dFMbV1QkKQOain1_4JhAuHAW9Xq_ZzCS"),
  ],
  od_resnet50: [
    row(1, 28.64, "3.916G", 77.87, 93.77, 100, "1Aqwv6uQ9iI8a8Z5vjqmKuSTar0U8gfVJ"),
    row(4, 90.67, "4.080G", 78.5, 93.99, 100, "1uO774twnIYLiDV2BAsVM136k4EAhs6oh"),
  ],
  resnet101: [
    row(1, 44.55, "7.570G", 77.44, 93.68, 100, "1ECAeSTM7Z9DLe4LbWkUsd-WZqoLUYad2"),
  ],
  od_resnet101: [
    row(1, 50.82, "7.675G", 78.84, 94.27, 100, "1PJNcrw2RP9xG-18gw2NE93mwVmQBIbeM"),
    row(2, 90.44, "7.802G", 79.15, 94.34, 100, "1ph0woQfR2Ut2JfV4RKQPB6tAXf9pZmTo"),
  ],
};
