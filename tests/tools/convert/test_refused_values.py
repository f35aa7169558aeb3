"""Values that tools/convert_checkpoint.py must refuse: they are not the parameters of a network."""

import contextlib
import io
import unittest

from converter_test import Raw, convert_checkpoint, pickled
from networks_for_tests import small_network
from torch_writer import TorchFileTest, TorchWriter


class RefusedValues(TorchFileTest):
    def test_values_without_tensors(self):
        for value, part in (
            (5, "no dictionary of tensors"),
            ([], "no dictionary of tensors"),
            ({}, "holds nothing"),
            ({"state_dict": {}}, "holds nothing"),
            ({"epoch": 5}, "'epoch' beside tensors"),
            ({"a": None, "b": {"c": 1}}, "'a', 'b' beside tensors"),
        ):
            self.assert_value_refused(lambda _, v=value: v, part)

    def test_something_else_among_the_tensors(self):
        for legacy in (False, True):
            writer, value = small_network(legacy)
            writer.write(self.source, {**value, "_extra": 1.5})
            self.assert_refused("'_extra' beside tensors", "--state-dict")

    def test_a_name_twice(self):
        writer = TorchWriter()
        tensor = writer.tensor((), [1.0])
        items = (pickled("a") + tensor.opcodes) * 2
        writer.write(self.source, Raw(b"}(" + items + b"u"))
        self.assert_refused("key 'a' twice")

    def test_numbers_that_are_not_finite(self):
        for kind, number in (("Float", float("nan")), ("Half", float("inf")), ("Double", 1e300)):
            writer, value = small_network()
            value["linear.bias"] = writer.tensor((2,), [1.0, number], kind)
            writer.write(self.source, value)
            self.assert_refused("tensor linear.bias", "not finite")

    def test_integers_where_parameters_should_be(self):
        writer, value = small_network()
        value["linear.bias"] = writer.tensor((2,), [1, 2], "Int")
        writer.write(self.source, value)
        self.assert_refused("tensor linear.bias", "type I32", "floating-point")

    def test_models_of_other_projects(self):
        writer, value = small_network()
        writer.write(self.source, value)
        self.assert_refused("PyTorch", "resnet50", options=["--model", "mbv2-w0.35"])
        self.assert_refused(
            "differs from mobilenet_v2", "the model asked for", options=["--model", "mobilenet_v2"]
        )

    def test_options_that_are_no_numbers(self):
        for option, text in (
            ("--mean", "1,2"),
            ("--mean", "a,b,c"),
            ("--std", "1,0,1"),
            ("--std", "1,nan,1"),
            ("--image-size", "0"),
            ("--image-size", "1e2"),
            ("--batch-norm-epsilon", "-1"),
        ):
            output = io.StringIO()
            with contextlib.redirect_stderr(output), self.assertRaises(SystemExit) as ended:
                convert_checkpoint.main(["a", "b", f"{option}={text}"])
            self.assertEqual(ended.exception.code, 2)
            self.assertIn(repr(text), output.getvalue())


if __name__ == "__main__":
    unittest.main()
