"""From fitted floats to symbols: quantisers and the freeze that lets the rest re-adapt."""
