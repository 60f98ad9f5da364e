# RMS norm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + epsilon) * weight over the last `width` numbers, which may be a row or one head of it.
# Statistics in fp32; weight: (width), or (N, width) where every row has its own, fp32. Gemma's weights are stored less one (plus: what is added to them).

def rms_parts(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return x.reshape([x.size(0), -1, weight.size(-1)]).to(6)  # (N, parts, width)

def rms_factor(self: __torch__.K, weight: Tensor, plus: float) -> Tensor:
  factor = weight + plus
  return factor.unsqueeze(1) if factor.dim() == 2 else factor

def rms_forward(self: __torch__.K, x: Tensor, weight: Tensor, plus: float, epsilon: float) -> Tuple[Tensor, Tensor]:
  parts = self.rms_parts(x, weight)
  rstd = parts.square().mean([-1], True).add_(epsilon).rsqrt_()
  y = torch.mul(parts, rstd).mul_(self.rms_factor(weight, plus))
  return y.to(x.dtype).view(x.size()), rstd

# dx = rstd * (g - xhat * mean(g * xhat)) with g = dy * weight.
def rms_backward(self: __torch__.K, dy: Tensor, x: Tensor, rstd: Tensor, weight: Tensor, plus: float) -> Tensor:
  g = torch.mul(self.rms_parts(dy, weight), self.rms_factor(weight, plus))
  xhat = torch.mul(self.rms_parts(x, weight), rstd)
  dx = g.addcmul_(xhat, torch.mul(g, xhat).mean([-1], True), value=-1.0).mul_(rstd)
  return dx.to(x.dtype).view(x.size())

# A trainable weight receives the sums of dy * xhat over rows and parts.
def rms_weight_backward(self: __torch__.K, dy: Tensor, x: Tensor, rstd: Tensor, grad: Tensor) -> Tensor:
  xhat = torch.mul(self.rms_parts(x, grad), rstd)
  return grad.add_(xhat.mul_(self.rms_parts(dy, grad)).sum([0, 1]))
