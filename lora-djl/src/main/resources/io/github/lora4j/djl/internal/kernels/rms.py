# RMS norm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + epsilon) * weight over the last `width` numbers, which may be a row or one head of it.
# Statistics in fp32; weight: (width), fp32. Gemma's weights are stored less one (plus: what is added to them).

def rms_forward(self: __torch__.K, x: Tensor, weight: Tensor, plus: float, epsilon: float) -> Tuple[Tensor, Tensor]:
  rows = x.view([-1, weight.size(0)]).to(6)
  rstd = rows.square().mean([-1], True).add_(epsilon).rsqrt_()
  y = torch.mul(rows, rstd).mul_(weight + plus)
  return y.to(x.dtype).view(x.size()), rstd

# dx = rstd * (g - xhat * mean(g * xhat)) with g = dy * weight; the weight itself is frozen.
def rms_backward(self: __torch__.K, dy: Tensor, x: Tensor, rstd: Tensor, weight: Tensor, plus: float) -> Tensor:
  g = torch.mul(dy.view([-1, weight.size(0)]).to(6), weight + plus)
  xhat = torch.mul(x.view([-1, weight.size(0)]).to(6), rstd)
  dx = g.addcmul_(xhat, torch.mul(g, xhat).mean([-1], True), value=-1.0).mul_(rstd)
  return dx.to(x.dtype).view(x.size())
