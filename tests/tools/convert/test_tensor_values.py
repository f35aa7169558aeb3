"""The numbers that tools/convert_checkpoint.py writes, for every type, stride and storage."""

import itertools
import math
import unittest

from converter_test import float32, read_safetensors
from networks_for_tests import CLASSES, MODEL, NetworkTest, shapes_of, state_dict, values_of
from torch_writer import TorchWriter, row_major


class TensorValues(NetworkTest):
    def test_types_of_numbers(self):
        for legacy in (False, True):
            for kind in ("Double", "Float", "Half", "BFloat16"):
                with self.subTest(kind, legacy=legacy):
                    self.write(dict, kind=kind, legacy=legacy)
                    self.assert_converted(shapes_of(MODEL, CLASSES))

    def test_doubles_are_rounded_once(self):
        writer = TorchWriter()
        tensors = state_dict(writer, shapes_of(MODEL, CLASSES))
        values = [0.1, -1e-300, 1 + 2**-24 + 2**-40, 2**-149, 1e38, 0, 7]
        tensors["linear.bias"] = writer.tensor((CLASSES,), values, "Double")
        writer.write(self.source, tensors)
        self.assertEqual(self.run_tool()[0], 0)
        found = read_safetensors(self.target)[0]["linear.bias"][1]
        self.assertEqual(list(found), [float32(value) for value in values])

    def test_halves_that_are_not_normal(self):
        writer = TorchWriter()
        tensors = state_dict(writer, shapes_of(MODEL, CLASSES))
        for kind, smallest in (("Half", 2**-24), ("BFloat16", 2**-133)):
            values = [smallest, -smallest, 0.0, 1.5, -2.0, 3 * smallest, 100.0]
            tensors["linear.bias"] = writer.tensor((CLASSES,), values, kind)
            writer.write(self.source, tensors)
            self.assertEqual(self.run_tool()[0], 0)
            self.assertEqual(list(read_safetensors(self.target)[0]["linear.bias"][1]), values)

    def test_strides(self):
        """Channels-last, channels of a wider tensor, transposed, every other element."""

        def strides_of(index, shape):
            if len(shape) == 4:
                o, c, h, w = shape
                channels_last, transposed = (c * h * w, 1, w * c, c), (1, o, o * c, o * c * h)
                channels_of_more = (2 * c * h * w, h * w, w, 1)
                return (channels_last, channels_of_more, transposed)[index % 3]
            return (1, shape[0]) if len(shape) == 2 else (2,)

        offset = 3
        for legacy in (False, True):
            writer = TorchWriter(legacy)
            shapes, tensors = shapes_of(MODEL, CLASSES), {}
            for index, (name, shape) in enumerate(shapes.items()):
                strides = strides_of(index // 5, shape)  # 5 tensors a convolution
                stored = [9.0] * (offset + 2 * math.prod(shape))
                values = values_of(index, shape)
                for position, value in zip(itertools.product(*map(range, shape)), values):
                    stored[offset + sum(i * s for i, s in zip(position, strides))] = value
                reference = writer.reference(writer.storage("Float", stored))
                tensors[name] = writer.view(reference, offset, shape, strides)
            writer.write(self.source, tensors)
            self.assert_converted(shapes)

    def test_every_tensor_in_one_storage(self):
        for legacy in (False, True):
            writer = TorchWriter(legacy)
            shapes = shapes_of(MODEL, CLASSES)
            everything, offsets = [], {}
            for index, (name, shape) in enumerate(shapes.items()):
                offsets[name] = len(everything)
                everything += values_of(index, shape)
            key = writer.storage("Float", everything)
            value = {
                name: writer.view(writer.reference(key), offsets[name], shape, row_major(shape))
                for name, shape in shapes.items()
            }
            writer.write(self.source, value)
            self.assert_converted(shapes)


if __name__ == "__main__":
    unittest.main()
