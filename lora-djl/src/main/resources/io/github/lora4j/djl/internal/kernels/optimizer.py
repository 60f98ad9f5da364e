# AdamW as torch computes it (Loshchilov and Hutter 2019), over flat fp32 buffers. decay: 1 where weight decay applies, 0 elsewhere.
# p *= 1 - lr wd; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g²; p -= lr / (1-b1^t) * m / (sqrt(v) / sqrt(1-b2^t) + eps)

def adamw(self: __torch__.K, p: Tensor, g: Tensor, m: Tensor, v: Tensor, decay: Tensor, lr: float, b1: float, b2: float, eps: float, weight_decay: float, step: int) -> Tensor:
  if weight_decay != 0.0:
    p.mul_(1.0 - decay * (lr * weight_decay))
  m.lerp_(g, 1.0 - b1)
  v.mul_(b2).addcmul_(g, g, value=1.0 - b2)
  c1 = 1.0 - b1 ** float(step)
  c2 = 1.0 - b2 ** float(step)
  denominator = v.sqrt().div_(c2 ** 0.5).add_(eps)
  return p.addcdiv_(m, denominator, value=-(lr / c1))

def norm_of(self: __torch__.K, g: Tensor) -> Tensor:
  return torch.linalg_vector_norm(g.to(7))

def scale_in_place(self: __torch__.K, g: Tensor, factor: float) -> Tensor:
  return g.mul_(factor)

def fill_zero(self: __torch__.K, g: Tensor) -> Tensor:
  return g.zero_()
