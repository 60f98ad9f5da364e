# AdamW as torch computes it (Loshchilov and Hutter 2019), over flat fp32 buffers. decay: 1 where weight decay applies, 0 elsewhere.
# p *= 1 - lr wd; m = b1 m + (1-b1) g; v = b2 v + (1-b2) g²; p -= lr / (1-b1^t) * m / (sqrt(v) / sqrt(1-b2^t) + eps)

# Takes a gradient into both moments and returns what torch divides the first by.
def adamw_moments(self: __torch__.K, g: Tensor, m: Tensor, v: Tensor, b1: float, b2: float, eps: float, step: int) -> Tensor:
  m.lerp_(g, 1.0 - b1)
  v.mul_(b2).addcmul_(g, g, value=1.0 - b2)
  c2 = 1.0 - b2 ** float(step)
  return v.sqrt().div_(c2 ** 0.5).add_(eps)

def adamw(self: __torch__.K, p: Tensor, g: Tensor, m: Tensor, v: Tensor, decay: Tensor, lr: float, b1: float, b2: float, eps: float, weight_decay: float, step: int) -> Tensor:
  if weight_decay != 0.0:
    p.mul_(1.0 - decay * (lr * weight_decay))
  denominator = self.adamw_moments(g, m, v, b1, b2, eps, step)
  return p.addcdiv_(m, denominator, value=-(lr / (1.0 - b1 ** float(step))))

# The same where elements have learning rates of their own, multiples of lr.
def adamw_grouped(self: __torch__.K, p: Tensor, g: Tensor, m: Tensor, v: Tensor, decay: Tensor, rates: Tensor, lr: float, b1: float, b2: float, eps: float, weight_decay: float, step: int) -> Tensor:
  if weight_decay != 0.0:
    p.mul_(1.0 - decay * rates * (lr * weight_decay))
  denominator = self.adamw_moments(g, m, v, b1, b2, eps, step)
  return p.addcdiv_(m * rates, denominator, value=-(lr / (1.0 - b1 ** float(step))))

def norm_of(self: __torch__.K, g: Tensor) -> Tensor:
  return torch.linalg_vector_norm(g.to(7))

def scale_in_place(self: __torch__.K, g: Tensor, factor: float) -> Tensor:
  return g.mul_(factor)

def fill_zero(self: __torch__.K, g: Tensor) -> Tensor:
  return g.zero_()
