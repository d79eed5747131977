"""What runs within the sandbox. It holds no secret, and nothing that it says is believed."""
