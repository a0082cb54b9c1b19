def try_out(*a):
    pass
