Console.Error.WriteLine("kvraft: nothing is wired yet");
return 1;
