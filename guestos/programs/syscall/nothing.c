/* nothing.c - the program that does nothing: what is left of spawn, exit and wait. */
int main(void)
{
    return 0;
}
