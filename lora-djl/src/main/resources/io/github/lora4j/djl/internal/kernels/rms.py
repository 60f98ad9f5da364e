# RMS norm (Zhang and Sennrich 2019): y = x / sqrt(mean(x²) + epsilon) * weight over the last `width` numbers, which may be a row or one head of it.
# Statistics in fp32; weight: (width), or (N, width) where every row has its own, fp32. Gemma's weights are stored less one (plus: what is added to them).

# On the CPU a few rows at a time, so that what is computed of them in fp32 stays in the processor's cache.
def rms_rows(self: __torch__.K, x: Tensor) -> int:
  return x.size(0) if x.is_cuda else max(1, 131072 // x.size(1))

def rms_parts(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return x.reshape([x.size(0), -1, weight.size(-1)]).to(6)  # (N, parts, width)

# Of rows that see the same factor, or each its own.
def rms_factor(self: __torch__.K, weight: Tensor, plus: float, start: int, count: int) -> Tensor:
  if weight.dim() == 2:
    return (weight.narrow(0, start, count) + plus).unsqueeze(1)
  return weight + plus

def rms_forward(self: __torch__.K, x: Tensor, weight: Tensor, plus: float, epsilon: float) -> Tuple[Tensor, Tensor]:
  n = x.size(0)
  y = torch.empty(x.size(), dtype=x.dtype, layout=None, device=x.device)
  rstd = torch.empty([n, x.size(1) // weight.size(-1), 1], dtype=6, layout=None, device=x.device)
  few = self.rms_rows(x)
  start = 0
  while start < n:
    count = min(few, n - start)
    rows = x.narrow(0, start, count)
    parts = self.rms_parts(rows, weight)
    r = rstd.narrow(0, start, count).copy_(parts.square().mean([-1], True).add_(epsilon).rsqrt_())
    normed = torch.mul(parts, r).mul_(self.rms_factor(weight, plus, start, count))
    y.narrow(0, start, count).copy_(normed.view(rows.size()))
    start = start + count
  return y, rstd

# dx = rstd * (g - xhat * mean(g * xhat)) with g = dy * weight.
def rms_backward(self: __torch__.K, dy: Tensor, x: Tensor, rstd: Tensor, weight: Tensor, plus: float) -> Tensor:
  n = x.size(0)
  dx = torch.empty(x.size(), dtype=x.dtype, layout=None, device=x.device)
  few = self.rms_rows(x)
  start = 0
  while start < n:
    count = min(few, n - start)
    rows = x.narrow(0, start, count)
    r = rstd.narrow(0, start, count)
    g = torch.mul(self.rms_parts(dy.narrow(0, start, count), weight), self.rms_factor(weight, plus, start, count))
    xhat = torch.mul(self.rms_parts(rows, weight), r)
    g.addcmul_(xhat, torch.mul(g, xhat).mean([-1], True), value=-1.0).mul_(r)
    dx.narrow(0, start, count).copy_(g.view(rows.size()))
    start = start + count
  return dx

# A trainable weight receives the sums of dy * xhat over rows and parts.
def rms_weight_backward(self: __torch__.K, dy: Tensor, x: Tensor, rstd: Tensor, grad: Tensor) -> Tensor:
  xhat = torch.mul(self.rms_parts(x, grad), rstd)
  return grad.add_(xhat.mul_(self.rms_parts(dy, grad)).sum([0, 1]))
