System.Console.Error.WriteLine("kvctl: nothing is wired yet");
return 1;
