def check_job(*a):
    pass
