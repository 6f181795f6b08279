"""What tests share: studies made for them, files and servers to read from."""
