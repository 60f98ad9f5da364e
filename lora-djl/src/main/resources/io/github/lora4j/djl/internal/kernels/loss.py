# Cross-entropy without logits: a chunk of rows is projected onto the vocabulary, its loss and the gradient of its hidden rows are
# computed, and the chunk is dropped. x: (M, D), only rows that carry a label; weight: (V, D); targets: (M) int64; weights: (M) fp64.
# loss = sum(weights * (logsumexp(z) - z[target])); dz = weights * (softmax(z) - onehot(target)); dx = dz weight. Loss and softmax in fp32.

def head_loss(self: __torch__.K, x: Tensor, weight: Tensor, targets: Tensor, weights: Tensor, chunk: int, want_gradient: bool) -> Tuple[Tensor, Tensor]:
  w = weight.to(x.dtype)
  n = x.size(0)
  dx = torch.empty_like(x) if want_gradient else x
  loss = torch.zeros([1], dtype=7, layout=None, device=x.device)
  start = 0
  while start < n:
    count = min(chunk, n - start)
    z = torch.mm(x.narrow(0, start, count), w.t())
    self.softmax_loss(z, targets.narrow(0, start, count).view([-1, 1]), weights.narrow(0, start, count).view([-1, 1]), loss, want_gradient)
    if want_gradient:
      dx.narrow(0, start, count).copy_(self.head_backward(z, w))
    start = start + count
  return loss, dx

# Adds to the loss and turns logits into their gradient, in place, a few rows at a time: in fp32, and while they are in the processor's cache.
def softmax_loss(self: __torch__.K, logits: Tensor, targets: Tensor, weights: Tensor, loss: Tensor, want_gradient: bool) -> Tensor:
  n = logits.size(0)
  piece = n if logits.is_cuda else max(1, 1048576 // logits.size(1))
  start = 0
  while start < n:
    count = min(piece, n - start)
    part = logits.narrow(0, start, count)
    target = targets.narrow(0, start, count)
    share = weights.narrow(0, start, count)
    z = part.to(6)
    wanted = z.gather(1, target)
    top = z.amax([1], True)
    z.sub_(top).exp_()
    total = z.sum([1], True)
    loss.add_(((top + total.log() - wanted).to(7) * share).sum())
    if want_gradient:
      z.mul_((share / total.to(7)).to(6))
      z.scatter_add_(1, target, share.to(6).neg())
      part.copy_(z)
    start = start + count
  return loss

# dz weight, summed in fp32 over blocks of the vocabulary: a block of the table stays in the processor's cache while all rows meet it.
def head_backward(self: __torch__.K, dz: Tensor, weight: Tensor) -> Tensor:
  v = weight.size(0)
  block = v if dz.is_cuda else 4096
  dx = torch.zeros([dz.size(0), weight.size(1)], dtype=6, layout=None, device=dz.device)
  start = 0
  while start < v:
    count = min(block, v - start)
    dx.add_(torch.mm(dz.narrow(1, start, count), weight.narrow(0, start, count)))
    start = start + count
  return dx

def head_logits(self: __torch__.K, x: Tensor, weight: Tensor) -> Tensor:
  return torch.mm(x, weight.to(x.dtype).t()).to(6)
