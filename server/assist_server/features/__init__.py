"""What the product does; knows neither LSP nor HTTP."""
