"""PyTorch on a GPU, at its best: TF32, searched convolutions, steps as CUDA graphs."""

import torch


def set_up():
    """What a user who wants speed switches on; fails with PyTorch's own words without a GPU."""
    torch.cuda.init()
    torch.set_float32_matmul_precision("high")  # TF32; convolutions have it by default
    torch.backends.cudnn.benchmark = True


def captured(step):
    """A whole step as one CUDA graph, as PyTorch's notes on CUDA graphs have it: some steps on a side
    stream first, then the capture. `peak_allocated` of the result: bytes at the fullest moment."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = step()

    def replay():
        graph.replay()
        return output

    replay.peak_allocated = torch.cuda.max_memory_allocated()
    return replay


def peak_allocated(step):
    """Bytes that PyTorch's allocator has given out at the fullest moment of a step."""
    if hasattr(step, "peak_allocated"):  # a replay allocates nothing
        return step.peak_allocated
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()
