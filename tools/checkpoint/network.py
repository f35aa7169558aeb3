"""What every source becomes."""

from typing import NamedTuple


class Network(NamedTuple):
    model: str
    tensors: dict  # {name: (shape, array of float32)}
    classes: int
    metadata: dict  # what the file says of the model, {text: text}
    note: str = ""  # something that users should know of it
